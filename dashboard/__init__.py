"""Reports and the web page of runs. Reads ML Metadata and artifacts only; imports no other package of ours."""
