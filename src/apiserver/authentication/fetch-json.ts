/** Fetches a JSON document over HTTPS from a server outside the cluster. */
import { get } from "node:https";

/** As upstream's client: whoever needs longer does not answer. */
const timeoutMs = 30_000;
/** Documents are small. */
const maxBytes = 1024 * 1024;

/** @param ca PEM; absent: the authorities that Node knows. Rejects for anything but a 200 with JSON. */
export async function fetchJson(url: string, ca: string | undefined): Promise<unknown> {
	if (!url.startsWith("https:")) throw new Error(`${url} is not https`);
	const { promise, resolve, reject } = Promise.withResolvers<unknown>();
	const request = get(url, { ...(ca === undefined ? {} : { ca }), agent: false, timeout: timeoutMs }, async (response) => {
		try {
			const chunks: Buffer[] = [];
			let sizeBytes = 0;
			for await (const chunk of response) {
				chunks.push(chunk as Buffer);
				sizeBytes += (chunk as Buffer).length;
				if (sizeBytes > maxBytes) throw new Error(`${url}: the answer is too large`);
			}
			if (response.statusCode !== 200) throw new Error(`${url}: ${response.statusCode} ${response.statusMessage ?? ""}`);
			resolve(JSON.parse(Buffer.concat(chunks).toString("utf8")));
		} catch (error) {
			reject(error);
		}
	});
	request.on("timeout", () => request.destroy(new Error(`${url}: no answer within ${timeoutMs / 1000} seconds`)));
	request.on("error", reject);
	return promise;
}
