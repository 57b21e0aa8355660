/** What an operator can do about a statement that PostgreSQL refused on dev. */

const advice: Record<string, string> = {
  // The connection broke without an answer.
  "": "Check that dev still exists and answers, then plan again.",
  "22P02": "Change the rows on dev that hold the old value, then plan again.",
  "22003": "Change the rows on dev whose value is out of the new range, then plan again.",
  "23502": "Fill the empty values of that column on dev, then plan again.",
  "23503": "Remove or complete the rows on dev that refer to nothing, then plan again.",
  "23505": "Remove the duplicate rows on dev, then plan again.",
  "23514": "Change the rows on dev that break the new check, then plan again.",
  "23P01": "Remove the conflicting rows on dev, then plan again.",
  "42501": "Connect to dev as the owner of the object or as a superuser.",
  "42846": "Change the column's type on dev by a migration that converts its values.",
  "53100": "Free disk space on dev's server, then plan again.",
  "55P03": "Wait until the other session on dev gives its lock back, or end it, then apply again.",
  "40P01": "Wait until the other session on dev has ended, then apply again.",
  "57014": "Apply when dev is less busy; the statement took longer than its time.",
  "57P01": "Check that dev still exists and answers, then plan again.",
  "57P02": "Check that dev's server runs, then plan again.",
  "2BP01": "Drop what depends on it on dev, or keep it by a migration, then plan again.",
};

/** One imperative sentence. */
export function adviseFailure(failure: { code: string }): string {
  return advice[failure.code] ?? "Look at the statement, change dev by hand or by a migration, then plan again.";
}
