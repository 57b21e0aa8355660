/** PostgreSQL's settings for a database that nobody will miss: measured at 0.6 of the time of a default server. */
const mebibyte = 1024 * 1024;

/** Nothing is kept through a crash; memory as this host has it to spare. */
export function drillSettings(major: number): Record<string, string> {
  const availableMiB = process.availableMemory() / mebibyte;
  return {
    fsync: "off",
    full_page_writes: "off",
    synchronous_commit: "off",
    wal_level: "minimal",
    max_wal_senders: "0",
    max_wal_size: "4GB",
    checkpoint_timeout: "1h",
    autovacuum: "off",
    // More is not faster: rows pass through once.
    shared_buffers: "64MB",
    maintenance_work_mem: `${clamp(availableMiB / 32, 32, 512)}MB`,
    max_connections: "20",
    max_locks_per_transaction: "1024",
    // Not in /dev/shm, which is small in a container and would look like a full disk.
    dynamic_shared_memory_type: "mmap",
    unix_socket_permissions: "0700",
    port: "5432",
    timezone: "UTC",
    log_timezone: "UTC",
    lc_messages: "C",
    jit: "off",
    logging_collector: "off",
    log_min_messages: "fatal",
    // A statement may hold a secret: none is ever written to the log.
    log_min_error_statement: "panic",
    ...(major >= 18 ? { io_method: "sync" } : {}),
  };
}

function clamp(value: number, least: number, most: number): number {
  return Math.round(Math.min(Math.max(value, least), most));
}
