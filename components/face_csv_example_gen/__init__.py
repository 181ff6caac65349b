"""ExampleGen for CSV files that hold one face image in each row."""
