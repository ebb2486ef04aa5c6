"""Takes what systemd would be told: prints each datagram that comes to the socket named by its argument, a line each."""
import os
import socket
import sys

receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
receiver.bind(sys.argv[1])
print('listening', flush=True)
while True:
    data, descriptors, _flags, _sender = socket.recv_fds(receiver, 4096, 4)
    # systemd-notify waits until what it sends along is closed.
    for descriptor in descriptors:
        os.close(descriptor)
    print(data.decode().strip().replace('\n', ' '), flush=True)
