import json, os, socket, time
s = socket.socket(socket.AF_UNIX); s.connect(os.environ["HANA_SOCK"])
def tell(**message): s.sendall(json.dumps(message).encode() + b"\n")
tell(t="hello", v=1, token=os.environ["HANA_TOKEN"], name="viz", caps=["hb", "stop", "frame"])
tell(t="ready"); s.setblocking(False); frame = beat = 0; inbox = b""; asked = {}
while asked.get("t") != "stop":
    frame += 1; time.sleep(1 / 60)  # draw here
    if time.monotonic() - beat >= 1: beat = time.monotonic(); tell(t="hb", frame=frame)
    try: inbox += s.recv(4096) or b'{"t":"stop"}\n'
    except BlockingIOError: continue
    *lines, inbox = inbox.split(b"\n")
    for asked in map(json.loads, lines):
        if asked["t"] == "ping": tell(t="pong", n=asked["n"])
