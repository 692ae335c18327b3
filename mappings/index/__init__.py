"""How the search index lies in Elasticsearch, as data."""
