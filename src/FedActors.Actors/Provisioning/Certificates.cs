using System.Collections.Immutable;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using FedActors.Core;
using FedActors.Core.Identity;

namespace FedActors.Actors.Provisioning;

/// <summary>
/// X.509 as a federation uses it: P-256 everywhere, two roots of its own (one for hubs, one for hospitals), and leaves
/// whose key is also the one that signs the protocol's messages.
/// </summary>
public static class Certificates
{
    /// <summary>A hub: it is called.</summary>
    public const string ServerUsage = "1.3.6.1.5.5.7.3.1";

    /// <summary>A hospital: it calls.</summary>
    public const string ClientUsage = "1.3.6.1.5.5.7.3.2";

    /// <summary>From then on a certificate's end is near enough to be told.</summary>
    public static readonly TimeSpan Notice = TimeSpan.FromDays(30);

    // Clocks of other machines may be behind.
    private static readonly TimeSpan Slack = TimeSpan.FromHours(1);

    public static X509Certificate2 NewRoot(string name, ECDsa key, DateTimeOffset now, TimeSpan lifetime)
    {
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, true, 0, true));
        request.CertificateExtensions.Add(
            new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        return request.CreateSelfSigned(now - Slack, now + lifetime);
    }

    /// <param name="host">Where a hub is found: a DNS name or an address; null for a hospital.</param>
    public static X509Certificate2 NewLeaf(
        string name, PublicKey key, string? host, X509Certificate2 issuer, DateTimeOffset now, TimeSpan lifetime)
    {
        var request = new CertificateRequest(new X500DistinguishedName($"CN={name}"), key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, true));
        request.CertificateExtensions.Add(
            new X509EnhancedKeyUsageExtension([new Oid(host is null ? ClientUsage : ServerUsage)], true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(key, false));
        if (host is not null)
        {
            var names = new SubjectAlternativeNameBuilder();
            if (IPAddress.TryParse(host, out var address))
                names.AddIpAddress(address);
            else
                names.AddDnsName(host);
            request.CertificateExtensions.Add(names.Build());
        }
        var until = now + lifetime < issuer.NotAfter ? now + lifetime : issuer.NotAfter;
        var serial = RandomNumberGenerator.GetBytes(16);
        serial[0] = (byte)(serial[0] & 0x3F | 0x40);                            // positive, and of full length
        return request.Create(issuer, now - Slack, until, serial);
    }

    /// <summary>The subject's common name.</summary>
    public static string NameOf(X509Certificate2 certificate) =>
        certificate.GetNameInfo(X509NameType.SimpleName, forIssuer: false);

    /// <exception cref="ArgumentException">The certificate's key is not of P-256.</exception>
    public static SitePublicKey KeyOf(X509Certificate2 certificate)
    {
        using var key = certificate.GetECDsaPublicKey()
            ?? throw new ArgumentException("Not a key of P-256.", nameof(certificate));
        return SitePublicKey.Of(key);
    }

    /// <summary>What speaks against this certificate as a hub's or a hospital's; null where nothing does.</summary>
    /// <param name="root">The only root it may come from.</param>
    /// <param name="usage"><see cref="ServerUsage"/> or <see cref="ClientUsage"/>.</param>
    /// <param name="revoked">Serial numbers.</param>
    /// <param name="where">Named in the fault.</param>
    public static Fault? FaultOf(
        X509Certificate2 certificate, X509Certificate2 root, string usage, ImmutableArray<string> revoked,
        DateTimeOffset now, string where)
    {
        var name = NameOf(certificate);
        if (now < certificate.NotBefore || now > certificate.NotAfter)
            return new Fault(FaultNumber.CertificateOutOfDate,
                $"The certificate of '{name}' is valid from {certificate.NotBefore.ToUniversalTime():u} to "
                    + $"{certificate.NotAfter.ToUniversalTime():u}.",
                where,
                "Look at this machine's clock; if it is right, have a new one issued with 'fedactors "
                    + "provision rotate'.");
        if (revoked.Contains(certificate.SerialNumber))
            return new Fault(FaultNumber.CertificateRevoked, $"The certificate of '{name}' is revoked.", where,
                "Ask the federation's office why; a new one comes with 'fedactors provision rotate'.");
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.Add(root);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.VerificationTime = now.UtcDateTime;
        if (!chain.Build(certificate))
            return new Fault(FaultNumber.CertificateUntrusted,
                $"The certificate of '{name}' does not come from '{NameOf(root)}'.", where,
                "Use the kit that this federation's office made for this site.");
        var usages = certificate.Extensions.OfType<X509EnhancedKeyUsageExtension>()
            .SelectMany(extension => extension.EnhancedKeyUsages.Cast<Oid>());
        return usages.Any(oid => oid.Value == usage)
            ? null
            : new Fault(FaultNumber.CertificateWrongUsage,
                $"The certificate of '{name}' is not one of a {(usage == ServerUsage ? "hub" : "hospital")}.", where,
                "A hub's certificate and a hospital's cannot stand in for one another: use the right kit.");
    }
}
