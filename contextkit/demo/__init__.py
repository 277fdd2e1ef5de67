"""One long agent run, four ways: the same tools, the same answers, four ways to hold the history."""
