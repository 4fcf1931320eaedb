/** Answers of the aggregation layer itself: plain text, which clients turn into a Status of their own. */
import type { ServerResponse } from "node:http";

/** Go's http.Error. */
export function refuse(response: ServerResponse, code: number, text: string): void {
	if (response.headersSent) {
		response.destroy();
		return;
	}
	response.writeHead(code, { "Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff" }).end(`${text}\n`);
}
