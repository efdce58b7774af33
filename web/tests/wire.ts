// The wire between browser and platform, so that a test can cut it and see what travels.
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

export class Wire {
  private readonly sockets = new Set<Socket>();
  private readonly open = new Map<string, number>();
  private broken = false;
  private readonly server;

  private constructor(port: number) {
    this.server = createServer((browser) => {
      if (this.broken) {
        browser.destroy();
        return;
      }
      const platform = connect(port, "127.0.0.1");
      const streams: string[] = [];
      for (const socket of [browser, platform]) {
        this.sockets.add(socket);
        socket.on("error", () => {});
        socket.on("close", () => {
          this.sockets.delete(socket);
          browser.destroy();
          platform.destroy();
          for (const path of streams.splice(0)) this.count(path, -1);
        });
      }
      // A stream keeps its HTTP/1.1 connection to itself until it ends.
      browser.on("data", (data) => {
        const path = /^POST (\/kvartal\S+\/Watch\S+) HTTP/.exec(data.toString("latin1"))?.[1];
        if (path) {
          streams.push(path);
          this.count(path, 1);
        }
        platform.write(data);
      });
      platform.on("data", (data) => browser.write(data));
    });
  }

  /** Leads to the platform at this address. */
  static async to(url: string): Promise<Wire> {
    const wire = new Wire(Number(new URL(url).port));
    await new Promise<void>((resolve) => wire.server.listen(0, "127.0.0.1", resolve));
    return wire;
  }

  get url(): string {
    return `http://localhost:${(this.server.address() as AddressInfo).port}`;
  }

  /** How many streams of this RPC are open: `WatchIncidents`. */
  streams(rpc: string): number {
    return [...this.open]
      .filter(([path]) => path.endsWith(`/${rpc}`))
      .reduce((sum, [, count]) => sum + count, 0);
  }

  /** Ends every connection and refuses new ones. */
  cut(): void {
    this.broken = true;
    for (const socket of this.sockets) socket.destroy();
  }

  mend(): void {
    this.broken = false;
  }

  close(): void {
    this.cut();
    this.server.close();
  }

  private count(path: string, change: number): void {
    this.open.set(path, (this.open.get(path) ?? 0) + change);
  }
}
