"""The composition root: the only place that names concrete classes. Settings in, a running role out."""
