/** The tree of units as a flat list, children below their parents. */
import type { Unit } from './api';

export interface UnitRow {
	unit: Unit;
	depth: number;
}

/** Orders `units` by name within each parent; a unit in a circle or without parent stands at the top. */
export function unitRows(units: readonly Unit[]): UnitRow[] {
	const rows: UnitRow[] = [];
	const placed = new Set<string>();
	const byName = [...units].sort((a, b) => a.name.localeCompare(b.name));
	const place = (unit: Unit, depth: number) => {
		if (placed.has(unit.id)) return;
		placed.add(unit.id);
		rows.push({ unit, depth });
		for (const child of byName) if (child.parent === unit.id) place(child, depth + 1);
	};
	const known = new Set(units.map((unit) => unit.id));
	for (const unit of byName) if (!unit.parent || !known.has(unit.parent)) place(unit, 0);
	for (const unit of byName) place(unit, 0);
	return rows;
}
