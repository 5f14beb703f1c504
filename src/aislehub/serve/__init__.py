"""How people and programs reach the hub: console, API and command line."""
