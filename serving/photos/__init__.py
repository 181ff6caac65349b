"""From photos to the pictures of faces that the models know, and back."""
