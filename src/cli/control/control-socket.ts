/** Where a server's control socket lies. */
import { createHash } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A socket's path has room for 107 bytes on Linux, 103 elsewhere. */
const maxPathBytes = 100;

/** In the directory that the server keeps its things in; for one that lies too deep, in the system's temporary directory. */
export function controlSocketIn(directory: string): string {
	const path = join(directory, "control.sock");
	if (Buffer.byteLength(path) <= maxPathBytes) return path;
	const digest = createHash("sha256").update(directory).digest("hex").slice(0, 16);
	return join(tmpdir(), `kubesim-${process.getuid?.() ?? 0}-${digest}.sock`);
}
