/** What small servers of images have in common: they listen, answer until they are told to stop, and complain of a port that is taken. */
import { type HttpHandler, httpServer, NetworkError, type ProcessContext, writeText } from "../../host/index.ts";

/** @returns 0 after SIGTERM or SIGINT; 1 if the port is taken, with Go's message */
export async function serveHttp({ machine, process, stderr }: ProcessContext, port: number, handler: HttpHandler): Promise<number> {
	let listener: ReturnType<typeof machine.network.listen>;
	try {
		listener = machine.network.listen(port, httpServer(handler), process);
	} catch (error) {
		if (!(error instanceof NetworkError)) throw error;
		await writeText(stderr, `listen tcp :${port}: bind: address already in use\n`);
		return 1;
	}
	await stopped(process);
	listener.close();
	return 0;
}

/** Resolves when somebody asks the process to end. */
export function stopped(process: ProcessContext["process"]): Promise<void> {
	return new Promise((resolve) => {
		for (const signal of ["TERM", "INT"] as const) process.onSignal(signal, resolve);
	});
}

/** `2026/01/01 00:00:00`, as Go's log package writes it. */
export function goLogStamp(timeMs: number): string {
	return new Date(timeMs).toISOString().slice(0, 19).replaceAll("-", "/").replace("T", " ");
}

/** `I0101 00:00:00.000000       1 FILE] `: the head of a line of klog. */
export function klogHead(timeMs: number, file: string): string {
	const text = new Date(timeMs).toISOString();
	return `I${text.slice(5, 7)}${text.slice(8, 10)} ${text.slice(11, 23)}000       1 ${file}] `;
}
