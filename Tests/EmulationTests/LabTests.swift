import Testing

/// All that makes labs, namespaces, child processes or other leases, one after the other.
///
/// Some of them count the devices, descriptors, namespaces and groups that are there, and some measure times: labs side
/// by side would spoil both. Suites nest here with `extension LabTests`.
@Suite(.serialized) enum LabTests {}
