/**
 * Callers that ask the same in one turn of the event loop share one query. It is
 * sent after every one of them has asked and nothing is kept: nobody is shown what was
 * true before the question.
 */
export function createSharedRead<Q, T>(read: (question: Q) => Promise<T>): (question: Q) => Promise<T> {
  const asked = new Map<string, Promise<T>>();
  const begin = async (key: string, question: Q): Promise<T> => {
    await new Promise<void>((resolve) => void setImmediate(resolve));
    asked.delete(key);
    return read(question);
  };
  return (question) => {
    const key = JSON.stringify(question);
    const shared = asked.get(key) ?? begin(key, question);
    asked.set(key, shared);
    return shared;
  };
}
