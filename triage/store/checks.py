"""Invariants as queries: each must return no row. Run after each integration test and by `hotline doctor`.

What a CHECK, a key or a unique index already holds is not asked again here.
"""

from dataclasses import dataclass

from triage.store.rows import Connection


@dataclass(frozen=True, slots=True)
class Invariant:
    """A sentence that must hold, and the query that returns the ids for which it does not."""

    sentence: str
    query: str


INVARIANTS: tuple[Invariant, ...] = (
    Invariant(
        "Every item came by a report or stands on a page.",
        "SELECT id FROM items WHERE NOT EXISTS (SELECT FROM report_items WHERE item_id = items.id)"
        " AND NOT EXISTS (SELECT FROM item_children WHERE child_id = items.id)",
    ),
    Invariant(
        "Every reported item is at the top level, and no other is.",
        "SELECT id FROM items WHERE is_top_level <>"
        " EXISTS (SELECT FROM report_items WHERE item_id = items.id)",
    ),
    Invariant(
        "An item is low only while no report of it is more than that.",
        "SELECT items.id FROM items JOIN report_items ON item_id = items.id JOIN reports ON reports.id = report_id"
        " WHERE items.is_low AND reports.danger",
    ),
    Invariant(
        "Only public reports are low, and none that is low has a mail address.",
        "SELECT id FROM reports WHERE is_low AND (channel <> 'public'"
        " OR EXISTS (SELECT FROM reporter_mails WHERE report_id = reports.id AND sealed_address IS NOT NULL))",
    ),
    Invariant(
        "An item is said to be located when it was.",
        "SELECT id FROM items WHERE is_located <> EXISTS (SELECT FROM hostings WHERE item_id = items.id)",
    ),
    Invariant(
        "Every report holds an item.",
        "SELECT id FROM reports WHERE NOT EXISTS (SELECT FROM report_items WHERE report_id = reports.id)",
    ),
    Invariant(
        "An uploaded item has its intake object.",
        "SELECT id FROM items WHERE kind = 'upload'"
        " AND NOT EXISTS (SELECT FROM intake_objects WHERE item_id = items.id)",
    ),
    Invariant(
        "A picture inside a page's text is an upload that this page showed, and that nobody reported.",
        "SELECT item_id FROM embedded_files JOIN items ON items.id = item_id WHERE kind <> 'upload' OR is_top_level"
        " OR NOT EXISTS (SELECT FROM item_children WHERE parent_id = page_id AND child_id = item_id)",
    ),
    Invariant(
        "An upload that nobody reported lies inside a page's text.",
        "SELECT id FROM items WHERE kind = 'upload' AND NOT is_top_level"
        " AND NOT EXISTS (SELECT FROM embedded_files WHERE item_id = items.id)",
    ),
    Invariant(
        "What was left out as too small shows nothing that is known, and nobody judged it.",
        "SELECT id FROM items WHERE closed_as = 'too_small' AND ("
        " EXISTS (SELECT FROM shown_images WHERE item_id = items.id AND is_known)"
        " OR EXISTS (SELECT FROM assessments WHERE item_id = items.id AND assessments.round = items.round))",
    ),
    Invariant(
        "An item of another remit was never captured.",
        "SELECT id FROM items WHERE state = 'awaiting_hand_on' AND remit IN ('hate_speech', 'other')"
        " AND EXISTS (SELECT FROM captures WHERE item_id = items.id AND outcome = 'captured')"
        " AND NOT EXISTS (SELECT FROM assessments WHERE item_id = items.id)",
    ),
    Invariant(
        "An item that is captured no longer holds an unconsumed upload.",
        "SELECT items.id FROM items JOIN intake_objects ON intake_objects.item_id = items.id"
        " WHERE items.state NOT IN ('received', 'awaiting_hand_on') AND items.captured_at IS NOT NULL"
        " AND intake_objects.consumed_at IS NULL",
    ),
    Invariant(
        "An item without a lease is not being captured: only received items hold one.",
        "SELECT items.id FROM items JOIN captures ON captures.item_id = items.id"
        " WHERE captures.ended_at IS NULL AND items.state <> 'received'",
    ),
    Invariant(
        "An item in no_look shows only known images.",
        "SELECT items.id FROM items WHERE base_lane = 'no_look' AND ("
        " EXISTS (SELECT FROM shown_images WHERE item_id = items.id AND NOT is_known)"
        " OR NOT EXISTS (SELECT FROM shown_images WHERE item_id = items.id)"
        " AND NOT EXISTS (SELECT FROM shown_children WHERE parent_id = items.id))",
    ),
    Invariant(
        "A page in no_look shows only pictures that wait in no_look, were judged before or are captured again.",
        "SELECT items.id FROM items JOIN shown_children ON parent_id = items.id"
        " JOIN items AS child ON child.id = child_id"
        " WHERE items.base_lane = 'no_look' AND child.base_lane IS DISTINCT FROM 'no_look'"
        " AND child.state IN ('awaiting_assessment', 'awaiting_lead')"
        " AND NOT EXISTS (SELECT FROM shown_children AS below WHERE below.parent_id = child.id)",
    ),
    Invariant(
        "An item in look shows something that no trusted list knows.",
        "SELECT items.id FROM items WHERE base_lane = 'look'"
        " AND EXISTS (SELECT FROM shown_images WHERE item_id = items.id)"
        " AND NOT EXISTS (SELECT FROM shown_images WHERE item_id = items.id AND NOT EXISTS ("
        "  SELECT FROM live_matches WHERE live_matches.image_id = shown_images.image_id AND is_trusted))"
        " AND NOT EXISTS (SELECT FROM shown_children WHERE parent_id = items.id)",
    ),
    Invariant(
        "Every hash of a list is of an entry.",
        "SELECT entry_id FROM hash_entry_fingerprints AS f WHERE NOT EXISTS"
        " (SELECT FROM hash_entries WHERE hash_entries.id = f.entry_id)",
    ),
    Invariant(
        "A file that somebody asks about is no upload of an item.",
        "SELECT file_questions.id FROM file_questions JOIN intake_objects ON name = object_name",
    ),
    Invariant(
        "Every image has its three digests.",
        "SELECT id FROM images WHERE (SELECT count(DISTINCT algorithm) FROM fingerprints"
        " WHERE image_id = images.id AND algorithm IN ('md5', 'sha1', 'sha256')) <> 3",
    ),
    Invariant(
        "Evidence objects have an identity to open them, and an identity has objects.",
        "SELECT image_id FROM evidence_objects WHERE NOT EXISTS"
        " (SELECT FROM evidence_keys WHERE evidence_keys.image_id = evidence_objects.image_id)"
        " UNION SELECT image_id FROM evidence_keys WHERE NOT EXISTS"
        " (SELECT FROM evidence_objects WHERE evidence_objects.image_id = evidence_keys.image_id)",
    ),
    Invariant(
        "A destroyed object is not named any more.",
        "SELECT image_id FROM evidence_destroyed JOIN evidence_objects USING (name, image_id)",
    ),
    Invariant(
        "Every item and every image has a custody stream.",
        "SELECT id FROM items WHERE NOT EXISTS"
        " (SELECT FROM custody_heads WHERE stream = 'item/' || items.id AND seq > 0)"
        " UNION SELECT id FROM images WHERE NOT EXISTS"
        " (SELECT FROM custody_heads WHERE stream = 'image/' || images.id AND seq > 0)",
    ),
    Invariant(
        "Each custody stream ends where its head says.",
        "SELECT stream FROM custody_heads WHERE seq <> ("
        " SELECT COALESCE(max(seq), 0) FROM custody_events WHERE stream = custody_heads.stream)",
    ),
    Invariant(
        "Nobody was shown more than 600 pictures on one local day.",
        "SELECT person_id FROM looks WHERE fetched_at IS NOT NULL"
        " GROUP BY person_id, (fetched_at AT TIME ZONE 'Europe/Tirane')::date HAVING count(*) > 600",
    ),
    Invariant(
        "Who looks at pictures has a first day of it.",
        "SELECT person_id FROM person_roles WHERE role IN ('analyst', 'lead')"
        " AND NOT EXISTS (SELECT FROM look_starts WHERE look_starts.person_id = person_roles.person_id)",
    ),
    Invariant(
        "A person has at most ten passkeys.",
        "SELECT person_id FROM passkeys GROUP BY person_id HAVING count(*) > 10",
    ),
    Invariant(
        "Trust is said by two different persons.",
        "SELECT set_id FROM hash_set_trusts GROUP BY set_id, class"
        " HAVING count(*) > 1 AND count(DISTINCT person_id) = 1",
    ),
    Invariant(
        "What is queued has a recipient that is approved.",
        "SELECT sendings.id FROM sendings JOIN recipients ON recipients.id = recipient_id"
        " WHERE state = 'queued' AND (approved_at IS NULL OR disabled_at IS NOT NULL)",
    ),
    Invariant(
        "A message that stands is about an item.",
        "SELECT id FROM sendings WHERE state <> 'withdrawn'"
        " AND NOT EXISTS (SELECT FROM sending_items WHERE sending_id = sendings.id)",
    ),
    Invariant(
        "An item that is acted on was referred to the police.",
        "SELECT id FROM items WHERE state IN ('held_for_police', 'awaiting_hosting', 'actionable', 'notified')"
        " AND NOT EXISTS (SELECT FROM sending_items JOIN sendings ON sendings.id = sending_id"
        "  WHERE item_id = items.id AND sendings.kind = 'police' AND part = 'first'"
        "  AND sendings.state <> 'withdrawn')",
    ),
    Invariant(
        "A notified item has a notice or a partner referral.",
        "SELECT id FROM items WHERE state = 'notified'"
        " AND NOT EXISTS (SELECT FROM sending_items JOIN sendings ON sendings.id = sending_id"
        "  WHERE item_id = items.id AND sendings.kind <> 'police' AND part = 'first')",
    ),
    Invariant(
        "An item is held for the police exactly as long as its hold is not lifted.",
        "SELECT items.id FROM items WHERE state = 'held_for_police' AND NOT EXISTS (SELECT FROM police_holds"
        " WHERE item_id = items.id AND police_holds.round = items.round AND lifted_at IS NULL)",
    ),
    Invariant(
        "An image that was judged once was judged by one person.",
        "SELECT id FROM images WHERE state = 'judged_once' AND (SELECT count(*) FROM assessments"
        " WHERE image_id = images.id AND assessments.round = images.round) <> 1",
    ),
    Invariant(
        "No item waits for a second assessor whose images are all settled.",
        "SELECT items.id FROM items JOIN shown_images ON item_id = items.id"
        " JOIN images ON images.id = image_id WHERE base_lane = 'second'"
        " GROUP BY items.id HAVING bool_and(images.state = 'settled')",
    ),
    Invariant(
        "Whether an item waits for a second assessor, and who was the only first one, is said of it as it is.",
        "SELECT items.id FROM items CROSS JOIN LATERAL ("
        " SELECT count(*) > 0 AS waits, array_agg(DISTINCT person_id) AS firsts FROM ("
        "  SELECT assessments.person_id FROM (SELECT items.id AS item_id"
        "    UNION SELECT child_id FROM shown_children WHERE parent_id = items.id) AS family"
        "   JOIN items AS shown ON shown.id = family.item_id AND shown.closed_as IS DISTINCT FROM 'not_judged'"
        "   JOIN shown_images ON shown_images.item_id = shown.id"
        "   JOIN images ON images.id = shown_images.image_id AND images.state = 'judged_once'"
        "   LEFT JOIN assessments ON assessments.image_id = images.id AND assessments.round = images.round"
        "  UNION SELECT assessments.person_id FROM assessments JOIN items AS judged"
        "   ON judged.id = assessments.item_id AND judged.round = assessments.round"
        "   WHERE judged.base_lane = 'second' AND (judged.id = items.id OR judged.id IN"
        "    (SELECT child_id FROM shown_children WHERE parent_id = items.id))) AS said) AS found"
        " WHERE (waits_second, first_by) IS DISTINCT FROM"
        " (waits, CASE WHEN cardinality(firsts) = 1 THEN firsts[1] END)",
    ),
    Invariant(
        "How many reports an item has, and whether one of them speaks of danger, is said of it as it is.",
        "SELECT items.id FROM items WHERE (report_count, is_danger_reported) <> ("
        " SELECT count(*), COALESCE(bool_or(reports.danger), false) FROM report_items"
        " JOIN reports ON reports.id = report_id WHERE item_id = items.id)",
    ),
    Invariant(
        "What the notes of an item's reports speak of is said of it as it is; a low one counts nothing.",
        "SELECT items.id FROM items WHERE note_flags <> ARRAY(SELECT DISTINCT unnest(reports.note_flags)"
        " FROM report_items JOIN reports ON reports.id = report_id"
        " WHERE item_id = items.id AND NOT reports.is_low ORDER BY 1)",
    ),
    Invariant(
        "What waits for a person is reported itself, and so listed, or shown by a page.",
        "SELECT id FROM items WHERE base_lane IS NOT NULL AND NOT is_top_level"
        " AND NOT EXISTS (SELECT FROM shown_children WHERE child_id = items.id)",
    ),
    Invariant(
        "A person has at most five items open.",
        "SELECT person_id FROM item_leases WHERE ended_at IS NULL AND until > now()"
        " GROUP BY person_id HAVING count(*) > 5",
    ),
    Invariant(
        "A recovery's link is a link of the person who is recovered.",
        "SELECT recoveries.id FROM recoveries JOIN join_links USING (link_digest)"
        " WHERE join_links.person_id <> recoveries.person_id",
    ),
    Invariant(
        "A recovery was asked for and approved within its time.",
        "SELECT id FROM recoveries WHERE state = 'approved' AND decided_at > expires_at",
    ),
)


def find_violations(conn: Connection) -> list[str]:
    """Return one line per invariant that does not hold, with how many rows break it and the first id."""
    found = []
    for invariant in INVARIANTS:
        rows = conn.execute(invariant.query.encode()).fetchall()
        if rows:
            found.append(f"{invariant.sentence} ({len(rows)} do not, such as {rows[0][0]})")
    return found
