/**
 * What a failure is to an etcd client: the codes and texts of etcd's rpctypes, to the letter, because clients tell errors
 * apart by their text. Source: https://github.com/etcd-io/etcd/blob/release-3.6/api/v3rpc/rpctypes/error.go
 */
import {
	DuplicateKeyError,
	EmptyKeyError,
	KeyNotFoundError,
	LeaseTtlTooLargeError,
	NoSpaceError,
	RequestTooLargeError,
	StoreClosedError,
	StoreCorruptError,
	TooManyOperationsError,
	TooManyRequestsError,
} from "../errors.ts";
import { GroupError, type GroupErrorReason } from "../group.ts";
import { CompactedError, FutureRevisionError, LeaseExistsError, LeaseNotFoundError } from "../store.ts";
import { GrpcError, grpcCode } from "./grpc/status.ts";

type Factory = () => GrpcError;
const error =
	(code: number, text: string): Factory =>
	() =>
		new GrpcError(code, `etcdserver: ${text}`);

/** Errors that the services raise themselves. */
export const rpcErrors = {
	valueProvided: error(grpcCode.invalidArgument, "value is provided"),
	leaseProvided: error(grpcCode.invalidArgument, "lease is provided"),
	keyNotProvided: error(grpcCode.invalidArgument, "key is not provided"),
	keyNotFound: error(grpcCode.invalidArgument, "key not found"),
	corrupt: error(grpcCode.dataLoss, "corrupt cluster"),
	invalidSortOption: error(grpcCode.invalidArgument, "invalid sort option"),
	noSpace: error(grpcCode.resourceExhausted, "mvcc: database space exceeded"),
	memberBadUrls: error(grpcCode.invalidArgument, "given member URLs are invalid"),
	rootUserNotExist: error(grpcCode.failedPrecondition, "root user does not exist"),
	rootRoleNotExist: error(grpcCode.failedPrecondition, "root user does not have root role"),
	userAlreadyExists: error(grpcCode.failedPrecondition, "user name already exists"),
	userEmpty: error(grpcCode.invalidArgument, "user name is empty"),
	userNotFound: error(grpcCode.failedPrecondition, "user name not found"),
	roleAlreadyExists: error(grpcCode.failedPrecondition, "role name already exists"),
	roleNotFound: error(grpcCode.failedPrecondition, "role name not found"),
	roleEmpty: error(grpcCode.invalidArgument, "role name is empty"),
	authFailed: error(grpcCode.invalidArgument, "authentication failed, invalid user ID or password"),
	permissionNotGiven: error(grpcCode.invalidArgument, "permission not given"),
	permissionDenied: error(grpcCode.permissionDenied, "permission denied"),
	roleNotGranted: error(grpcCode.failedPrecondition, "role is not granted to the user"),
	permissionNotGranted: error(grpcCode.failedPrecondition, "permission is not granted to the role"),
	authNotEnabled: error(grpcCode.failedPrecondition, "authentication is not enabled"),
	invalidAuthToken: error(grpcCode.unauthenticated, "invalid auth token"),
	invalidAuthManagement: error(grpcCode.invalidArgument, "invalid auth management"),
} as const;

/** The store's errors whose text is etcd's own already, by class. */
const storeErrors: readonly (readonly [new (...args: never[]) => Error, number])[] = [
	[CompactedError, grpcCode.outOfRange],
	[FutureRevisionError, grpcCode.outOfRange],
	[LeaseNotFoundError, grpcCode.notFound],
	[LeaseExistsError, grpcCode.failedPrecondition],
	[LeaseTtlTooLargeError, grpcCode.outOfRange],
	[EmptyKeyError, grpcCode.invalidArgument],
	[KeyNotFoundError, grpcCode.invalidArgument],
	[DuplicateKeyError, grpcCode.invalidArgument],
	[TooManyOperationsError, grpcCode.invalidArgument],
	[RequestTooLargeError, grpcCode.invalidArgument],
	[TooManyRequestsError, grpcCode.resourceExhausted],
	[NoSpaceError, grpcCode.resourceExhausted],
];

/** Codes of what a group of members says no to, or could not do in time. */
const groupErrorCodes: Readonly<Record<GroupErrorReason, number>> = {
	memberExists: grpcCode.failedPrecondition,
	peerUrlExists: grpcCode.failedPrecondition,
	memberNotFound: grpcCode.notFound,
	notEnoughStarted: grpcCode.failedPrecondition,
	unhealthy: grpcCode.unavailable,
	memberNotLearner: grpcCode.failedPrecondition,
	learnerNotReady: grpcCode.failedPrecondition,
	tooManyLearners: grpcCode.failedPrecondition,
	badLeaderTransferee: grpcCode.failedPrecondition,
	notLeader: grpcCode.failedPrecondition,
	noLeader: grpcCode.unavailable,
	leaderChanged: grpcCode.unavailable,
	timeout: grpcCode.unavailable,
	timeoutDueToLeaderFail: grpcCode.unavailable,
	timeoutDueToConnectionLost: grpcCode.unavailable,
	timeoutLeaderTransfer: grpcCode.unavailable,
	stopped: grpcCode.unavailable,
	changePending: grpcCode.unavailable,
};

export function toGrpcError(failure: unknown): GrpcError {
	if (failure instanceof GrpcError) return failure;
	if (failure instanceof GroupError) return new GrpcError(groupErrorCodes[failure.reason], failure.message);
	for (const [type, code] of storeErrors) if (failure instanceof type) return new GrpcError(code, failure.message);
	if (failure instanceof StoreClosedError) return new GrpcError(grpcCode.unavailable, "etcdserver: server stopped");
	if (failure instanceof StoreCorruptError) return new GrpcError(grpcCode.dataLoss, "etcdserver: corrupt cluster");
	return new GrpcError(grpcCode.unknown, failure instanceof Error ? failure.message : String(failure));
}

/** How grpc-go prints an error, where etcd puts that into a text. */
export function goErrorText({ code, message }: GrpcError): string {
	const names: Readonly<Record<number, string>> = {
		[grpcCode.permissionDenied]: "PermissionDenied",
		[grpcCode.unauthenticated]: "Unauthenticated",
		[grpcCode.invalidArgument]: "InvalidArgument",
	};
	return `rpc error: code = ${names[code] ?? code} desc = ${message}`;
}
