"""A crowd of stations that wait on one server: what it costs, and how quickly all of them have an emergency."""
