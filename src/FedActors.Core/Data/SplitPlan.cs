using System.Collections.Immutable;
using FedActors.Core.Identity;

namespace FedActors.Core.Data;

/// <summary>How rows are spread over hospitals, and which of a hospital's rows are kept back.</summary>
/// <param name="RestIsTest">Rows of no hospital are what models are judged on; else they are external.</param>
/// <param name="OneClassAllowed">Whether a hospital may train on rows of one label only: federated it still adds to the
/// model, alone it learns nothing.</param>
public sealed record SplitPlan(SiteRule Sites, HoldoutRule Holdout, bool RestIsTest, bool OneClassAllowed = false);

/// <summary>Which hospital a row belongs to.</summary>
public abstract record SiteRule
{
    private SiteRule() { }

    /// <summary>A file is a hospital.</summary>
    public sealed record PerFile : SiteRule;

    /// <summary>The list of a <see cref="HoldoutRule.Listed"/> says which hospital a row of the only file belongs
    /// to.</summary>
    public sealed record Listed : SiteRule;

    /// <summary>A value of a column is a hospital, named prefix + value; a whole number is padded to so many
    /// digits.</summary>
    /// <param name="MinimumRows">Hospitals with fewer rows stay outside.</param>
    public sealed record PerValue(string Column, string Prefix, int Digits, int MinimumRows) : SiteRule;

    /// <summary>Several values of a column make a hospital; other values stay outside.</summary>
    public sealed record PerGroup(string Column, ImmutableArray<SiteGroup> Groups) : SiteRule;

    /// <summary>In file order, the first hospital takes so many positive and so many negative rows, the next the
    /// following ones; what is left belongs to none.</summary>
    public sealed record PerLabelCount(ImmutableArray<SiteShare> Shares) : SiteRule;
}

/// <summary>The values of a column that make one hospital.</summary>
public sealed record SiteGroup(HospitalId Hospital, ImmutableArray<string> Values);

/// <summary>Rows of each label that one hospital takes.</summary>
public sealed record SiteShare(HospitalId Hospital, int Positive, int Negative);

/// <summary>Which of a hospital's rows are kept back for testing.</summary>
public abstract record HoldoutRule
{
    private HoldoutRule() { }

    /// <summary>None: the rows of no hospital are the test.</summary>
    public sealed record None : HoldoutRule;

    /// <summary>
    /// Of n rows the first round(n / OneIn) of a permutation of the hospital's own: SplitMix64, seeded with
    /// 1000 × seed + number where the hospital is a whole number of a column, else as a batch order of round 0 is.
    /// </summary>
    public sealed record Shuffled(int OneIn, long Seed) : HoldoutRule;

    /// <summary>Row j of a hospital's m trains where floor((j+1) × Train / m) > floor(j × Train / m); the rest is
    /// test.</summary>
    public sealed record EvenlySpaced(int Train) : HoldoutRule;

    /// <summary>A file says it, with the columns center (the hospital), line (0-based in the data file) and set (train
    /// or test); rows it does not list belong to no hospital.</summary>
    public sealed record Listed(string File) : HoldoutRule;
}
