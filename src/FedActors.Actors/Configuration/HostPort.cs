using System.Globalization;
using FedActors.Core;

namespace FedActors.Actors.Configuration;

/// <summary>Where a node is found: a DNS name or an IPv4 address, and a port.</summary>
public sealed record HostPort(string Host, int Port)
{
    /// <summary>Reads <c>host:port</c>; anything else is a fault at <paramref name="key"/>, and null.</summary>
    public static HostPort? Read(HoconReader reader, string key, string text)
    {
        var at = text.LastIndexOf(':');
        if (at > 0 && int.TryParse(text.AsSpan(at + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port)
            && port is > 0 and <= 65535 && text[..at].All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-'))
            return new HostPort(text[..at], port);
        reader.Report(FaultNumber.ValueOutOfRange, $"'{text}' is no address.", reader.PathOf(key),
            "Write host:port, with a host name or an IPv4 address.");
        return null;
    }

    public override string ToString() => $"{Host}:{Port}";
}
