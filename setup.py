"""Package of Emotion AI. Versions are pinned in constraints/; what stands here is what is needed, and why."""

from setuptools import find_packages, setup

REQUIRES = [
    "tfx==1.16.0",  # the pipeline; the newest line that installs where glibc < 2.38
    "tensorflow",  # graphs, SavedModel, training backend
    "keras",  # the models, by `import keras`
    "tensorflow-data-validation",  # statistics and anomalies
    "tensorflow-transform",  # one preprocessing graph for training and serving
    "tensorflow-model-analysis",  # evaluation and blessing
    "kfp-pipeline-spec==0.2.2",  # packages for Kubeflow Pipelines; newer ones, and kfp itself, want protobuf 4
    "apache-beam[gcp]==2.65.0",  # all data-parallel work; tfx-bsl 1.16 needs dill, which later ones dropped
    "tensorboard",  # reads what trainings have logged
    "tfx-bsl",  # Arrow batches to tf.Examples
    "ml-metadata",  # what ran on what
    "grpcio",  # the local model server, clients
    "httptools",  # uvicorn's HTTP parser in C
    "jinja2",  # model cards
    "keras-tuner",  # the search for better training settings
    "numpy",  # drawn faces, image features
    "orjson",  # tensors as JSON, three times as fast as the standard library
    "plotly<6.1",  # charts of reports, drawn in the browser without a network
    "pyarrow",  # threaded, range-checked CSV parsing
    "pydantic>=2",  # typed settings with clear errors
    "pyyaml",  # settings and waivers
    "pillow",  # pictures of findings
    "requests",  # REST client
    "rich",  # the run on the terminal
    "scikit-learn",  # robust covariance of keypoint layouts
    "scipy",  # cosine transform of perceptual hashes, connected components
    "starlette",  # REST of the local model server: the smallest well-kept ASGI framework
    "typer",  # the command line
    "uvicorn",  # serves it
    "tensorflow-serving-api",  # warm-up requests, the server's protos
    "setuptools<81",  # tensorflow-hub, which TFX imports, still needs pkg_resources
]

EXTRAS = {
    "photos": [
        "opencv-python-headless<4.11",  # finds the faces in a photo; later ones want NumPy 2
    ],
    "dev": [
        "axe-core-python==0.1.0",  # the accessibility rules that browsers are asked about
        "check-jsonschema",  # the Compose specification's schema, for compose.yaml
        "hypothesis",  # property tests of the decoder, fuzzing of the server
        "kubernetes-validate",  # the API's own schemas, for the manifests
        "mypy",  # types
        "pandas-stubs",  # types
        "prometheus-client",  # reads the metrics of the local model server
        "pytest",  # tests
        "pytest-timeout",  # no test hangs for ever
        "pytest-xdist",  # tests side by side, one process a core
        "ruff",  # style
        "selenium",  # the demo page in Debian's Chromium
        "types-PyYAML",  # types
        "types-requests",  # types
        "uv",  # fast installer, and the resolver behind `make lock`
    ],
}

setup(
    name="emotion-ai",
    version="0.1.0",
    description="A production TFX pipeline for facial keypoints and facial emotion",
    license="Apache-2.0",
    python_requires=">=3.10,<3.11",
    packages=find_packages(
        include=[
            f"{name}{below}" for name in ("pipeline", "components", "serving", "dashboard") for below in ("", ".*")
        ]
    ),
    package_data={
        "pipeline": ["settings.yaml", "presets/*.yaml"],
        "components": ["model_card/template.html.j2"],
        "serving": ["demo/static/*"],
        "dashboard": ["static/*", "templates/*"],
    },
    install_requires=REQUIRES,
    extras_require=EXTRAS,
    entry_points={"console_scripts": ["emotion-ai = pipeline.cli:main"]},
)
