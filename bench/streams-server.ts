/** The server of bench/streams.ts: one node, and an image that sends as many bytes as it is asked for. */
import { createCluster } from "../src/cluster/index.ts";
import { httpServer, type Image, once, type Program, TreeBuilder } from "../src/images.ts";
import { report } from "./reported-server.ts";

const pieceBytes = 64 * 1024;

/** On port 9000: `<bytes>\n` is answered with so many bytes. On port 80 an HTTP server. */
const source: Program = async ({ machine, process }) => {
	const piece = Buffer.alloc(pieceBytes, "x");
	machine.network.listen(9000, async (connection) => {
		const request = await connection.read();
		for (let left = Number(Buffer.from(request ?? []).toString()); left > 0; left -= pieceBytes) {
			await connection.write(piece.subarray(0, Math.min(left, pieceBytes)));
		}
	});
	machine.network.listen(
		80,
		httpServer(() => ({ status: 200, body: "x".repeat(600) })),
	);
	await process.exited;
	return 0;
};

const image: Image = {
	repositories: ["docker.io/library/source"],
	sizeBytes: 1_000_000,
	config: { entrypoint: ["/source"] },
	files: once(() => new TreeBuilder(0).program("/source", "source").build()),
	programs: { source },
};

const cluster = await createCluster({ nodes: 1, latency: "none", images: [image] });
const { port } = await cluster.listen();
await cluster.whenNodesReady();
report({ port, credentials: cluster.adminCredentials() });
