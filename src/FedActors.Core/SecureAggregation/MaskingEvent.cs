using System.Collections.Immutable;
using FedActors.Core.Identity;
using FedActors.Core.Privacy;
using static FedActors.Core.Protocol.SecureAggregationProtocol;

namespace FedActors.Core.SecureAggregation;

/// <summary>
/// What a hospital writes before a message leaves. None holds a secret: what is written here was about to be sent
/// anyway, or is public.
/// </summary>
public abstract record MaskingEvent(Digest Session)
{
    /// <summary>
    /// The update is masked; the masked bytes lie in the spool already. From now on this session sends these bytes or
    /// none.
    /// </summary>
    /// <param name="Spec">The round.</param>
    /// <param name="Sharers">U2.</param>
    /// <param name="Message">What announces the bytes; holds their SHA-256.</param>
    public sealed record MaskedReady(Digest Session, RoundSpec Spec, ImmutableArray<HospitalId> Sharers, Masked Message)
        : MaskingEvent(Session)
    {
        /// <summary>Heads of the privacy ledgers of those it shares masks with, where they are newer than what it knew.</summary>
        public ImmutableArray<SignedLedgerHead> Ledgers { get; init; } = [];
    }

    /// <summary>The one survivor set that this hospital signs in this session.</summary>
    /// <param name="Hospitals">U3.</param>
    /// <param name="Message">What goes out.</param>
    public sealed record SurvivorSetSigned(Digest Session, ImmutableArray<HospitalId> Hospitals, Consistency Message)
        : MaskingEvent(Session);

    /// <summary>
    /// Shares go out: this hospital's update for <paramref name="Model"/> is part of an open sum over these hospitals.
    /// </summary>
    /// <param name="Model">Hash of the model.</param>
    /// <param name="Hospitals">U3.</param>
    /// <param name="Message">The very bytes.</param>
    public sealed record SharesReleased(
        Digest Session, Digest Model, ImmutableArray<HospitalId> Hospitals, UnmaskResponse Message)
        : MaskingEvent(Session);
}
