"""The addresses of the project where the demo is not installed."""

from config import urls

urlpatterns = [pattern for pattern in urls.urlpatterns if str(pattern.pattern) != "demo/"]
