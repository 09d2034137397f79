"""Read by dagster-celery in each worker, when the folder of this file is on PYTHONPATH: broker, and JSON only."""

import os

broker_url = os.environ["AMC_LEARNING_BROKER_URL"]
result_backend = broker_url
task_serializer = result_serializer = "json"
accept_content = ["json"]
# a worker takes a run when it has nothing to do: one fetched ahead would wait for it while others are idle
worker_disable_prefetch = True
