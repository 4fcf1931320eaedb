/** When a timer elapses, as its file says. Source: systemd.timer(5) */
import { type CalendarSpec, parseCalendar } from "./calendar.ts";
import { parseSpan, type UnitSettings } from "./unit-file.ts";

const spanKeys = ["OnActiveSec", "OnBootSec", "OnStartupSec", "OnUnitActiveSec", "OnUnitInactiveSec"] as const;

export type Trigger =
	| { readonly base: "OnCalendar"; readonly spec: CalendarSpec }
	| { readonly base: (typeof spanKeys)[number]; readonly spanMs: number };

/** Values that cannot be read are left out, as systemd ignores them. */
export function triggersOf(settings: UnitSettings): readonly Trigger[] {
	const spans = spanKeys.flatMap((base) =>
		settings.all("Timer", base).flatMap((text) => {
			const spanMs = parseSpan(text);
			return spanMs === undefined ? [] : [{ base, spanMs }];
		}),
	);
	const events = settings.all("Timer", "OnCalendar").flatMap((text) => {
		const spec = parseCalendar(text);
		return spec === undefined ? [] : [{ base: "OnCalendar" as const, spec }];
	});
	return [...spans, ...events];
}
