"""A locustfile as a user of the harness would write it."""

from locust import FastHttpUser, constant, task


class Visitor(FastHttpUser):
    wait_time = constant(0.2)

    @task
    def home(self) -> None:
        self.client.get("/")
