"""Read by dagster-celery in each worker, when the folder of this file is on PYTHONPATH: broker, and JSON only."""

import os

broker_url = os.environ["AMC_LEARNING_BROKER_URL"]
result_backend = broker_url
task_serializer = result_serializer = "json"
accept_content = ["json"]
worker_prefetch_multiplier = 1
