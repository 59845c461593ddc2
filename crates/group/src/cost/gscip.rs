//! What GSCIP costs by the seeds' own rules.

use super::{Change, Column, GscipRule, Row, Scenario, Scheme, Table};

/// The settings at the beginning.
pub(super) fn initial(scenario: &Scenario, rule: GscipRule) -> Table {
    let (columns, rows) = match rule {
        GscipRule::Paper | GscipRule::Slides => {
            let rows = scenario.elements.iter().map(|element| {
                let [keys, of_element] = of_element(count(&element.groups), rule);
                // Nobody enters what is done with a packet: DPRP finds out.
                Row::of(&element.name, [keys, 0, of_element])
            });
            let columns = vec![Column::Keys, Column::Policy, Column::Element];
            (columns, rows.collect())
        }
        GscipRule::Thesis | GscipRule::ThesisSlides => {
            let elements = count(&scenario.elements);
            let groups = count(&scenario.groups);
            let of = |element: &super::Member| count(&element.groups);
            let memberships: u32 = scenario.elements.iter().map(of).sum();
            let at_element = |element: &super::Member| Row::of(&element.name, [0, 3, 0]);
            let mut rows: Vec<Row> = scenario.elements.iter().map(at_element).collect();
            rows.push(Row::server(match rule {
                GscipRule::Thesis => [4 * groups, 2 * elements, memberships],
                _ => [3 * groups, 3 * elements, 2 * memberships],
            }));
            let columns = vec![Column::Keys, Column::Element, Column::Membership];
            (columns, rows)
        }
    };
    Table {
        scheme: Scheme::Gscip,
        columns,
        rows,
    }
}

/// The settings of a change. A move needs none. Of an addition the seeds count the new element, and
/// not that others join its group.
pub(super) fn change(change: &Change, rule: GscipRule) -> u32 {
    let Some(adds) = &change.adds else {
        return 0;
    };
    let groups = count(&adds.element.groups);
    let new_groups = count(&adds.new_groups);
    match rule {
        GscipRule::Paper | GscipRule::Slides => of_element(groups, rule).iter().sum(),
        GscipRule::Thesis => 3 + 2 + groups + 4 * new_groups,
        GscipRule::ThesisSlides => 3 + 3 + 2 * groups + 3 * new_groups,
    }
}

/// Keys, and what the element is.
fn of_element(groups: u32, rule: GscipRule) -> [u32; 2] {
    let own = if rule == GscipRule::Paper { 2 } else { 3 };
    [3 * groups, own + groups]
}

/// How many; a scenario is small.
pub(super) fn count<T>(all: &[T]) -> u32 {
    u32::try_from(all.len()).unwrap_or(u32::MAX)
}
