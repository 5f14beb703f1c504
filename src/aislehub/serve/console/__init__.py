"""The console: server-rendered pages for people, with htmx, ECharts and Tabulator served from here."""

from aislehub.serve.console.shell import mount, refuse

__all__ = ["mount", "refuse"]
