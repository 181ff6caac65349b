"""What a page is made of besides the code; importing this is cheap."""

from pathlib import Path

_FOLDER = Path(__file__).parent
PAGE_FILES = tuple(sorted([*_FOLDER.glob("static/*"), *_FOLDER.glob("templates/*")]))
