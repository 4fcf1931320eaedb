/**
 * How a gRPC call ends. Source: https://grpc.io/docs/guides/status-codes/
 */

export const grpcCode = {
	ok: 0,
	cancelled: 1,
	unknown: 2,
	invalidArgument: 3,
	deadlineExceeded: 4,
	notFound: 5,
	permissionDenied: 7,
	resourceExhausted: 8,
	failedPrecondition: 9,
	outOfRange: 11,
	unimplemented: 12,
	internal: 13,
	unavailable: 14,
	dataLoss: 15,
	unauthenticated: 16,
} as const;

/** A call's failure, as the other side is told. */
export class GrpcError extends Error {
	override readonly name = "GrpcError";
	readonly code: number;

	constructor(code: number, message: string) {
		super(message);
		this.code = code;
	}
}

/** The header grpc-message: printable ASCII, the rest as %XX of its UTF-8. */
export function encodeStatusMessage(message: string): string {
	return message.replace(/[^ -$&-~]+/g, (characters) =>
		[...Buffer.from(characters)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`).join(""),
	);
}

/** The reverse; a text that is not well formed stays as it is. */
export function decodeStatusMessage(text: string): string {
	try {
		return decodeURIComponent(text);
	} catch {
		return text;
	}
}
