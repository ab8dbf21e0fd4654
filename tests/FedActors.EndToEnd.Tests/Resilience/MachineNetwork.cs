using System.Diagnostics;
using System.Runtime.Versioning;

namespace FedActors.EndToEnd.Tests.Resilience;

/// <summary>
/// A network namespace for each of some processes, as if each were a machine: a wire leads from each to a bridge of
/// this machine, and can be unplugged. Then no packet passes and no connection is reset, as it is where a switch
/// fails. Needs root, and the package iproute2.
/// </summary>
[SupportedOSPlatform("linux")]
public sealed class MachineNetwork : IDisposable
{
    // Names of interfaces have at most 15 characters.
    private readonly string _name = $"fa{Environment.ProcessId % 100_000}";
    private readonly int _machines;

    public MachineNetwork(int machines)
    {
        _machines = machines;
        // For tests of networks (RFC 2544): it leads nowhere else.
        var net = $"198.18.{Environment.ProcessId % 256}";
        Ip($"link add {Bridge} type bridge");
        Ip($"addr add {net}.1/24 dev {Bridge}");
        Ip($"link set {Bridge} up");
        Hosts = [.. Enumerable.Range(0, machines).Select(machine => $"{net}.{machine + 2}")];
        for (var machine = 0; machine < machines; machine++)
        {
            Ip($"netns add {Space(machine)}");
            Ip($"link add {Wire(machine)} type veth peer name eth0 netns {Space(machine)}");
            Ip($"link set {Wire(machine)} master {Bridge} up");
            Ip($"-n {Space(machine)} addr add {Hosts[machine]}/24 dev eth0");
            Ip($"-n {Space(machine)} link set eth0 up");
            Ip($"-n {Space(machine)} link set lo up");
        }
    }

    /// <summary>The machines' addresses, in ascending order.</summary>
    public string[] Hosts { get; }

    /// <summary>What comes before a command so that it runs on this machine.</summary>
    public string[] On(int machine) => ["ip", "netns", "exec", Space(machine)];

    public void Unplug(int machine) => Ip($"link set {Wire(machine)} down");

    public void Plug(int machine) => Ip($"link set {Wire(machine)} up");

    public void Dispose()
    {
        for (var machine = 0; machine < _machines; machine++)
            Ip($"netns del {Space(machine)}");
        Ip($"link del {Bridge}");
    }

    private string Bridge => $"{_name}b";

    private string Space(int machine) => $"{_name}n{machine}";

    private string Wire(int machine) => $"{_name}v{machine}";

    private static void Ip(string arguments)
    {
        using var ip = Process.Start("ip", arguments);
        ip.WaitForExit();
        if (ip.ExitCode != 0)
            throw new InvalidOperationException($"'ip {arguments}' failed.");
    }
}
