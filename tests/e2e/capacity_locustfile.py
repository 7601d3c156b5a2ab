"""One request for each arrival."""

from locust import FastHttpUser, task


class Visitor(FastHttpUser):
    @task
    def ask(self) -> None:
        self.client.get("/")
