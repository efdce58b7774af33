// An answer of the platform as gRPC-Web writes it, for what a young city cannot say yet.
import { create, type DescMessage, type MessageInitShape, toBinary } from "@bufbuild/protobuf";

/** For `route.fulfill`: the message, and the word that all went well. */
export function answer<S extends DescMessage>(schema: S, message: MessageInitShape<S>) {
  const frame = (kind: number, content: Uint8Array) => {
    const head = Buffer.alloc(5);
    head.writeUInt8(kind, 0);
    head.writeUInt32BE(content.length, 1);
    return Buffer.concat([head, content]);
  };
  return {
    contentType: "application/grpc-web+proto",
    body: Buffer.concat([
      frame(0, toBinary(schema, create(schema, message))),
      frame(0x80, Buffer.from("grpc-status: 0\r\n")),
    ]),
  };
}
