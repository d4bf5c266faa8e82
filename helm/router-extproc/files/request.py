"""`helm test`: one request all the way. What the answer says is the model's matter."""

import json
import sys
import urllib.error
import urllib.request

URL = sys.argv[1]
CHAT = {"model": "auto", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 1}
request = urllib.request.Request(URL, json.dumps(CHAT).encode(), {"content-type": "application/json"})
try:
    with urllib.request.urlopen(request, timeout=60) as answer:
        print(f"{URL}: {answer.status}, routed and answered")
except urllib.error.HTTPError as error:
    told = error.read(1000).decode(errors="replace")
    print(f"{URL}: {error.code}: {told}", file=sys.stderr)
    sys.exit(1)
except OSError as error:
    print(f"{URL}: {error}", file=sys.stderr)
    sys.exit(1)
