echo begun >> began
exec python3 server.py find
