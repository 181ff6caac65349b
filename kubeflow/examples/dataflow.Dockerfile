# docker build -f kubeflow/examples/dataflow.Dockerfile --build-arg IMAGE=registry.example/emotion-ai:v0.1.0 kubeflow/examples
# The workers of Dataflow: the pipeline's image with the program that Beam starts in it.
ARG IMAGE
FROM apache/beam_python3.10_sdk:2.65.0 AS beam
FROM ${IMAGE}
COPY --from=beam /opt/apache/beam /opt/apache/beam
# No environment of its own for each job: everything is in this one.
ENV RUN_PYTHON_SDK_IN_DEFAULT_ENVIRONMENT=1
ENTRYPOINT ["/opt/apache/beam/boot"]
