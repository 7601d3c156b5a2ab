"""Users who come and do nothing."""

from locust import User, constant, task


class Idle(User):
    wait_time = constant(1)

    @task
    def nothing(self) -> None:
        pass
