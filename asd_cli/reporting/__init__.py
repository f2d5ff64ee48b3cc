"""Pictures and pages: figures of training and evaluation, the HTML report."""
