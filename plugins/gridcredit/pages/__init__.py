"""What all HTML pages share: how a template is filled, how a page is written, and how charts look."""
