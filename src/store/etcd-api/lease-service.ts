/** etcd's Lease service. Source: https://etcd.io/docs/v3.6/learning/api/#lease-api */
import { LeaseNotFoundError } from "../store.ts";
import type { Handlers } from "./grpc/server.ts";
import { GrpcError } from "./grpc/status.ts";
import type { ServiceOptions } from "./kv-service.ts";

/** Shorter leases are made this long: one and a half election timeouts of an etcd with its defaults, rounded up. */
const minTtlSeconds = 2;

export function leaseService({ store, member, gate }: ServiceOptions): Handlers {
	return {
		async "/etcdserverpb.Lease/LeaseGrant"(request) {
			const lease = await store.grantLease(Math.max(request.TTL, minTtlSeconds), request.ID);
			return { header: member.header(), ID: lease.id, TTL: lease.grantedTtlSeconds };
		},
		async "/etcdserverpb.Lease/LeaseRevoke"(request, context) {
			await gate.checkLease(context, request.ID);
			await store.revokeLease(request.ID);
			return { header: member.header() };
		},
		async "/etcdserverpb.Lease/LeaseTimeToLive"(request, context) {
			if (request.keys) await gate.checkLeaseKeys(context, request.ID);
			const lease = await store.lease(request.ID);
			const isKnown = lease.grantedTtlSeconds > 0;
			return {
				header: member.header(),
				ID: request.ID,
				TTL: isKnown ? lease.ttlSeconds : -1,
				grantedTTL: lease.grantedTtlSeconds,
				keys: request.keys ? lease.keys : [],
			};
		},
		async "/etcdserverpb.Lease/LeaseLeases"() {
			const leases = [...(await store.leases())].sort((a, b) => a.ttlSeconds - b.ttlSeconds);
			return { header: member.header(), leases: leases.map(({ id }) => ({ ID: id })) };
		},
		"/etcdserverpb.Lease/LeaseKeepAlive"(stream) {
			// Answers come in the order of the requests.
			let last = Promise.resolve();
			return {
				onRequest({ ID }) {
					last = last.then(async () => {
						try {
							const { grantedTtlSeconds } = await store.keepAliveLease(ID);
							stream.send({ header: member.header(), ID, TTL: grantedTtlSeconds });
						} catch (error) {
							// A lease that is gone has no time left; that is an answer, not an error.
							if (error instanceof LeaseNotFoundError) stream.send({ header: member.header(), ID, TTL: 0 });
							else stream.end(error instanceof Error ? error : new GrpcError(2, String(error)));
						}
					});
				},
				onEnd() {
					void last.then(() => stream.end());
				},
			};
		},
	};
}
