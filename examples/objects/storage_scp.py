"""A storage SCP: answers echo, keeps every instance it is sent as a file.

python storage_scp.py PORT FOLDER
"""

import signal
import sys
import threading

from dicomnet import Associate, DicomNet, DicomNetError, Folder, Message, Status


class StorageScp(DicomNet):
    def on_accept(self, error: Exception | None) -> None:
        self.accept(StorageScp(destination=self.destination))  # one object per connection

    def on_receive_associate_request(self, associate: Associate) -> None:
        self.send_associate_accept(associate.accept_all())

    def on_receive_c_echo_request(self, message: Message) -> None:
        self.send_c_echo_response(message, Status.SUCCESS)

    def on_receive_c_store_request(self, message: Message) -> None:
        # By now the file is whole, under its final name, and on the disk.
        print(f"{message.affected_sop_instance_uid} -> {message.data.path}", flush=True)
        self.send_c_store_response(message, Status.SUCCESS)


def main(port: str, folder: str) -> None:
    end = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: end.set())
    with StorageScp(destination=Folder(folder)) as listener:
        _, bound = listener.listen(port=int(port))
        print(f"listening on port {bound}", flush=True)
        end.wait()


if __name__ == "__main__":
    if len(sys.argv) != 3:
        print(f"usage: {__doc__.splitlines()[-1]}", file=sys.stderr)
        sys.exit(2)
    try:
        sys.exit(main(*sys.argv[1:]))
    except (DicomNetError, ValueError) as error:
        sys.exit(str(error))
