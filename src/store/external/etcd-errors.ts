/**
 * What a failed call to etcd is to the store's users: the reverse of etcd-api/rpc-errors.ts. etcd's own clients tell errors
 * apart by their text, which is part of its API.
 * Source: https://github.com/etcd-io/etcd/blob/release-3.6/api/v3rpc/rpctypes/error.go and client/v3/retry.go
 */
import {
	DuplicateKeyError,
	EmptyKeyError,
	KeyNotFoundError,
	LeaseTtlTooLargeError,
	NoSpaceError,
	RequestTooLargeError,
	StoreAccessError,
	StoreUnavailableError,
	TooManyOperationsError,
	TooManyRequestsError,
} from "../errors.ts";
import { ConnectionError } from "../etcd-api/grpc/connection.ts";
import { GrpcError, grpcCode } from "../etcd-api/grpc/status.ts";
import { CompactedError, FutureRevisionError, LeaseExistsError, LeaseNotFoundError } from "../store.ts";

/** Their messages are etcd's. */
const storeErrors: readonly (new () => Error)[] = [
	FutureRevisionError,
	LeaseNotFoundError,
	LeaseExistsError,
	LeaseTtlTooLargeError,
	EmptyKeyError,
	KeyNotFoundError,
	DuplicateKeyError,
	TooManyOperationsError,
	RequestTooLargeError,
	TooManyRequestsError,
	NoSpaceError,
];
const byText = new Map(storeErrors.map((type) => [new type().message, type]));

const compactedText = new CompactedError(0).message;
const staleTokenTexts: ReadonlySet<string> = new Set(["etcdserver: invalid auth token", "etcdserver: revision of auth store is old"]);
const accessTexts: ReadonlySet<string> = new Set([
	"etcdserver: authentication failed, invalid user ID or password",
	// What a call without any token gets once authentication is enabled.
	"etcdserver: user name is empty",
]);
/** gRPC's own refusal of a message that etcd's server would find too large anyway. */
const largerThanMax = /^grpc: received message larger than max/;

/** The class of the store that stands for this error. */
export function toStoreError(error: GrpcError): Error {
	const known = byText.get(error.message);
	if (known !== undefined) return new known();
	const { code, message } = error;
	if (code === grpcCode.resourceExhausted && largerThanMax.test(message)) return new RequestTooLargeError();
	if (code === grpcCode.unauthenticated || code === grpcCode.permissionDenied || accessTexts.has(message))
		return new StoreAccessError(message, error);
	return isUnavailable(error) ? new StoreUnavailableError(message, error) : error;
}

/** It says that a revision was compacted, not which ones are left. */
export function isCompacted(error: GrpcError): boolean {
	return error.message === compactedText;
}

/** Another endpoint, or this one later, may well answer. */
export function isUnavailable({ code }: GrpcError): boolean {
	return code === grpcCode.unavailable || code === grpcCode.deadlineExceeded;
}

/** A new token may help. */
export function isStaleToken(error: GrpcError): boolean {
	return staleTokenTexts.has(error.message);
}

/**
 * Whether the server may have carried out the call: a write is then not tried again. A call that asks for a leader
 * (`hasleader`) is refused before it is looked at where there is none.
 */
export function mayHaveArrived(error: GrpcError): boolean {
	if (error.message === "etcdserver: no leader") return false;
	return error instanceof ConnectionError ? error.mayHaveArrived : true;
}

/** A cluster that asks nobody for a name. */
export function isAuthOff(error: unknown): boolean {
	return error instanceof GrpcError && error.message === "etcdserver: authentication is not enabled";
}
