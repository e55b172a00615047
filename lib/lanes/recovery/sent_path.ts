// What is unacknowledged on one path: a stream, or datagrams of one epoch.
// Decides nothing: figures that SentPackets keeps and LossDetector reads.

/** Packets on their way by one path. */
export class SentPath {
  /** The epoch given to `SentPackets.begin`. */
  id = -1;
  /** Packets that are neither acknowledged nor lost, those of them that ask for a prompt answer, and their bytes. */
  outstanding = 0;
  prompt = 0;
  bytes = 0;
  /** No packet before this one is outstanding. */
  cursor = 0;
  /** The largest number sent by this path that is acknowledged, −1 for none. */
  largestAcked = -1;
  /** When the last packet that asks for a prompt answer was sent, and the last of any other. */
  lastPromptAtUs = 0;
  lastLazyAtUs = 0;
  /** When a packet of this path was acknowledged last. */
  newsAtUs = -Infinity;

  /** Becomes the record of path `id`. */
  reset(id: number): void {
    this.id = id;
    this.outstanding = 0;
    this.prompt = 0;
    this.bytes = 0;
    this.cursor = 0;
    this.largestAcked = -1;
    this.lastPromptAtUs = 0;
    this.lastLazyAtUs = 0;
    this.newsAtUs = -Infinity;
  }
}
