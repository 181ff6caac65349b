"""Package of Emotion AI. Versions are pinned in constraints/; what stands here is what is needed, and why."""

from setuptools import find_packages, setup

REQUIRES = [
    "tfx==1.16.0",  # the pipeline; the newest line that installs where glibc < 2.38
    "tensorflow",  # graphs, SavedModel, training backend
    "keras",  # the models, by `import keras`
    "tensorflow-data-validation",  # statistics and anomalies
    "tensorflow-transform",  # one preprocessing graph for training and serving
    "tensorflow-model-analysis",  # evaluation and blessing
    "apache-beam[gcp]==2.65.0",  # all data-parallel work; tfx-bsl 1.16 needs dill, which later ones dropped
    "tfx-bsl",  # Arrow batches to tf.Examples
    "ml-metadata",  # what ran on what
    "jinja2",  # model cards
    "numpy",  # drawn faces, image features
    "pyarrow",  # threaded, range-checked CSV parsing
    "pydantic>=2",  # typed settings with clear errors
    "pyyaml",  # settings and waivers
    "pillow",  # pictures of findings
    "rich",  # the run on the terminal
    "scikit-learn",  # robust covariance of keypoint layouts
    "scipy",  # cosine transform of perceptual hashes, connected components
    "typer",  # the command line
    "tensorflow-serving-api",  # warm-up requests, the server's protos
    "setuptools<81",  # tensorflow-hub, which TFX imports, still needs pkg_resources
]

EXTRAS = {
    "dev": [
        "hypothesis",  # property tests of the decoder
        "mypy",  # types
        "pandas-stubs",  # types
        "pytest",  # tests
        "pytest-timeout",  # no test hangs for ever
        "ruff",  # style
        "types-PyYAML",  # types
        "uv",  # fast installer, and the resolver behind `make lock`
    ],
}

setup(
    name="emotion-ai",
    version="0.1.0",
    description="A production TFX pipeline for facial keypoints and facial emotion",
    license="Apache-2.0",
    python_requires=">=3.10,<3.11",
    packages=find_packages(include=["pipeline", "pipeline.*", "components", "components.*"]),
    package_data={"pipeline": ["settings.yaml"], "components": ["model_card/template.html.j2"]},
    install_requires=REQUIRES,
    extras_require=EXTRAS,
    entry_points={"console_scripts": ["emotion-ai = pipeline.cli:main"]},
)
