"""A gRPC server on grpcio. Usage: grpc-server.py PORT"""

import sys
import time
from concurrent import futures

import grpc


def unary(request, context):
    return request.upper()


def download(request, context):
    for number in range(int(request)):
        yield b"%d" % number


def upload(requests, context):
    return b"%d" % sum(len(request) for request in requests)


def converse(requests, context):
    for request in requests:
        yield request.upper()


def deadline(request, context):
    return b"%f" % context.time_remaining()


def stall(request, context):
    while context.is_active():
        time.sleep(0.02)
    return b""


def refuse(request, context):
    context.abort(grpc.StatusCode.FAILED_PRECONDITION, "not today")


def fail_late(request, context):
    yield b"a beginning"
    context.abort(grpc.StatusCode.DATA_LOSS, "no end")


handlers = {
    "Unary": grpc.unary_unary_rpc_method_handler(unary),
    "Download": grpc.unary_stream_rpc_method_handler(download),
    "Upload": grpc.stream_unary_rpc_method_handler(upload),
    "Converse": grpc.stream_stream_rpc_method_handler(converse),
    "Deadline": grpc.unary_unary_rpc_method_handler(deadline),
    "Stall": grpc.unary_unary_rpc_method_handler(stall),
    "Refuse": grpc.unary_unary_rpc_method_handler(refuse),
    "FailLate": grpc.unary_stream_rpc_method_handler(fail_late),
    "Forbidden": grpc.unary_unary_rpc_method_handler(unary),
}
server = grpc.server(futures.ThreadPoolExecutor(max_workers=16))
server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("tests.Echo", handlers)])
if server.add_insecure_port(f"0.0.0.0:{sys.argv[1]}") == 0:
    sys.exit("the port is not to be had")
server.start()
server.wait_for_termination()
