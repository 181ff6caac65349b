"""Lets Examples pass only where ExampleValidator found nothing."""
