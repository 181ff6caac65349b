"""What a container runs on open-source Kubeflow: TFX's own executor runner, and what that lacks there."""
